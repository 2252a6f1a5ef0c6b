with

charges_to_review as (

    select * from {{ ref('int_charges_to_review') }}

),

charges as (

    select * from {{ ref('int_charges') }}

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
        company_number,
        charge_number,
        ' ' || {{ cleaned_text('particulars') }} || ' ' as spaced_words
    from charges
    where particulars is not null

),

matched as (

    select
        charges_to_review.normalised_name,
        phrases.phrase,
        texts.company_number,
        texts.charge_number,
        row_number() over (
            partition by charges_to_review.normalised_name, phrases.phrase
            order by charges_to_review.public_date desc nulls last, texts.company_number asc, texts.charge_number asc
        ) as charge_rank,
        count(*) over (partition by charges_to_review.normalised_name, phrases.phrase) as charges
    from charges_to_review
    inner join texts
        on
            charges_to_review.company_number = texts.company_number
            and charges_to_review.charge_number = texts.charge_number
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
        by_phrase.normalised_name,
        by_phrase.phrase,
        by_phrase.charges,
        by_phrase.phrase_rank,
        by_phrase.company_number as example_company_number,
        by_phrase.charge_number as example_charge_number,
        {{ single_spaced('charges.particulars') }} as example_particulars
    from by_phrase
    inner join charges
        on
            by_phrase.company_number = charges.company_number
            and by_phrase.charge_number = charges.charge_number

)

select * from final
