with

charges_to_review as (

    select * from {{ ref('int_charges_to_review') }}

),

charges as (

    select
        company_number,
        charge_number,
        particulars
    from {{ ref('int_charges') }}
    where particulars is not null

),

invoice_finance_phrases as (

    select * from {{ ref('invoice_finance_phrases') }}

),

phrases as (

    select distinct {{ cleaned_text('phrase') }} as phrase
    from invoice_finance_phrases
    where {{ cleaned_text('phrase') }} <> ''

),

texts as (

    select
        charges_to_review.normalised_name,
        charges_to_review.company_number,
        charges_to_review.charge_number,
        charges_to_review.public_date,
        charges.particulars,
        ' ' || {{ cleaned_text('charges.particulars') }} || ' ' as spaced_words
    from charges_to_review
    inner join charges
        on
            charges_to_review.company_number = charges.company_number
            and charges_to_review.charge_number = charges.charge_number

),

matched as (

    select
        texts.normalised_name,
        phrases.phrase,
        texts.company_number,
        texts.charge_number,
        texts.particulars,
        row_number() over (
            partition by texts.normalised_name, phrases.phrase
            order by texts.public_date desc nulls last, texts.company_number asc, texts.charge_number asc
        ) as charge_rank,
        count(*) over (partition by texts.normalised_name, phrases.phrase) as charges
    from texts
    inner join phrases
        on texts.spaced_words like '% ' || phrases.phrase || ' %'

),

by_phrase as (

    select
        matched.*,
        row_number() over (partition by normalised_name order by charges desc, phrase asc) as phrase_rank
    from matched
    where charge_rank = 1

),

final as (

    select
        normalised_name,
        phrase,
        charges,
        phrase_rank,
        company_number as example_company_number,
        charge_number as example_charge_number,
        {{ single_spaced('particulars') }} as example_particulars
    from by_phrase

)

select * from final
