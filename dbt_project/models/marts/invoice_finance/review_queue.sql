with

names_to_review as (

    select * from {{ ref('int_names_to_review') }}

),

name_candidates as (

    select * from {{ ref('int_name_candidates') }}

),

name_phrases as (

    select * from {{ ref('int_name_phrases') }}
    where phrase_rank = 1

),

suggested as (

    select
        dense_rank() over (
            order by
                names_to_review.charges desc,
                names_to_review.companies desc,
                names_to_review.normalised_name asc
        ) as review_rank,
        names_to_review.normalised_name,
        coalesce(name_candidates.candidate_rank, 1) as candidate_rank,
        coalesce(name_candidates.candidates, 0) as candidates,
        name_candidates.match_rank,
        coalesce(name_candidates.match_rule, 'none') as match_rule,
        name_candidates.matched_text,
        names_to_review.person_entitled,
        coalesce(name_candidates.provider, names_to_review.person_entitled) as provider,
        case
            when name_candidates.normalised_name is null then 'not an invoice financier'
            else coalesce(name_candidates.provider_type, 'unknown')
        end as provider_type,
        coalesce(name_candidates.certainty, 'no') as certainty,
        names_to_review.charges,
        names_to_review.companies,
        names_to_review.first_public_date,
        names_to_review.last_public_date,
        coalesce(name_phrases.example_company_number, names_to_review.example_company_number)
            as example_company_number,
        coalesce(name_phrases.example_charge_number, names_to_review.example_charge_number) as example_charge_number,
        name_phrases.example_particulars,
        coalesce(name_phrases.charges, 0) as charges_with_phrase
    from names_to_review
    left join name_candidates
        on names_to_review.normalised_name = name_candidates.normalised_name
    left join name_phrases
        on names_to_review.normalised_name = name_phrases.normalised_name

),

final as (

    select
        review_rank,
        normalised_name,
        candidate_rank,
        candidates,
        match_rank,
        match_rule,
        matched_text,
        person_entitled,
        provider,
        provider_type,
        certainty,
        charges,
        companies,
        charges_with_phrase,
        first_public_date,
        last_public_date,
        example_company_number,
        example_charge_number,
        example_particulars,
        case
            when match_rule <> 'reviewed name' and candidate_rank = 1
                then
                    {{ csv_value('person_entitled') }}
                    || ',' || {{ csv_value('provider') }}
                    || ',' || {{ csv_value('provider_type') }}
                    || ',' || certainty
        end as seed_line
    from suggested

)

select * from final
order by review_rank, candidate_rank
